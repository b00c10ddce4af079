"""Check over the store: windows that closed are judged, verdicts kept, alarms grouped, performance estimated."""
