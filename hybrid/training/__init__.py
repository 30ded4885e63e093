"""What trainings of networks share: the loop, its rate, averaged weights, checkpoints."""
