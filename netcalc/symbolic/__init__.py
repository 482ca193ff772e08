"""Closed formulas: the rules of netcalc.core, fed with sympy symbols."""
