package espalier.jinja;

/**
 * A compiled function: a macro, a block, the body of a recursive loop.
 *
 * @param slots how many slots its frame has
 * @param levels how deep its code nests, to bound the depth of the stack
 */
record Routine(int slots, int levels, Code.Statement body) {}
