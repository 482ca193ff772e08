"""All that a user ever sees go wrong."""


class NetcalcError(Exception):
    """One line that says what, where, with which numbers, and what to do."""


class SpecError(NetcalcError):
    """A layer or network that cannot be: a bad field, or sizes that do not fit."""


class InputError(NetcalcError):
    """Something handed to a command or function that it cannot take."""


class UnknownNameError(NetcalcError):
    """A name that nothing answers to; the message offers the nearest ones."""


class OutputError(NetcalcError):
    """A result that could not be written."""
