"""How a task call travels: messages, protocol, queues, routing, deliveries."""
