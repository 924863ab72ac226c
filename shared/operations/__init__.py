"""What operators do, for console and command line alike: look, replay, register again, discard; all of it audited."""
