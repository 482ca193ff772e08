"""What people and programs are shown: rows become tables, tables become any of the formats."""
