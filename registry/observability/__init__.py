"""What the registry tells about itself: its log, its access log and its metrics."""
