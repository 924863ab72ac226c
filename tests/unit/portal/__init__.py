"""The portal's pure parts."""
