"""Pictures of what a run trains on, for people to look at."""
