"""What every test may ask for."""

from hypothesis import settings

# A busy machine is slow now and then; pytest-timeout catches what hangs.
settings.register_profile("unhurried", deadline=None, print_blob=True)
settings.load_profile("unhurried")

pytest_plugins = ["tests.servers.plugin", "pytester"]
