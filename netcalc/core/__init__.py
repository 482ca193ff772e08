"""The rules and the arithmetic of netcalc. Imports the standard library only."""
