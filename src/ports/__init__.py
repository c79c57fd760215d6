"""What the application needs from the world, as Protocols over domain data. No code lives here."""
