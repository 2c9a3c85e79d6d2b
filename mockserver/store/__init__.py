"""Where the entities of every tenant live."""
