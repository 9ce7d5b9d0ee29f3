"""Label values that callers choose, within bounds: each one is a time series that Prometheus keeps."""

OTHER = "other"


class Bounded:
    """The first `most` values are labels of their own; all later ones share one."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[str] = set()

    def __call__(self, value: str) -> str:
        if value in self._known:
            return value
        if len(self._known) >= self._most:
            return OTHER
        self._known.add(value)
        return value
