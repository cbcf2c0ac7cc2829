//! Everything hanbench does to the world.
