"""When training again is worth what it costs."""
