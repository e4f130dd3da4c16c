"""What the hub counts of itself: ``declared`` says what there is, ``counts`` holds it; ``postroad.api`` shows it."""
