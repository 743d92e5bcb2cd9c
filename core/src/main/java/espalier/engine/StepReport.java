package espalier.engine;

import espalier.sched.StepFacts;

/**
 * What the engine tells about a step that it has launched.
 *
 * @param decodeInterval a decode interval ends with this step
 * @param inputThroughput prompt tokens a second since the step before that computed any
 * @param generationThroughput tokens a second over the last decode interval
 */
public record StepReport(
        StepFacts facts, boolean decodeInterval, double inputThroughput, double generationThroughput) {}
