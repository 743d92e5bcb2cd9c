package espalier.cpu;

/** Who does the work of an op, and what in. */
record Crew(Team team, OpMemory memory) {}
