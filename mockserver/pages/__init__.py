"""What a visitor sees: the pages behind the links of consents."""
