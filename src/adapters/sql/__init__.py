"""Every port on a relational database: SQLite, PostgreSQL, MariaDB and MySQL.

One `SqlStore` a database and process is shared by all adapters here, which makes a settlement one
transaction. SQLAlchemy finds the driver, keeps the connections and knows the tables; the few
statements of the hot path are constants sent to the driver as they are.
"""
