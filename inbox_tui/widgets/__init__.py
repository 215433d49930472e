"""The parts that screens are made of. They draw lines that `view` made and post facts; they know no store."""
