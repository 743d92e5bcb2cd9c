package espalier.sched;

/** What may stand in one step together. */
public enum StepShape {
    /** A token of every running sequence, and prompt chunks behind them, as SGLang does with mixed chunks. */
    MIXED,
    /** Prompt chunks while there are any that fit, else tokens of the running sequences. */
    PREFILL_FIRST
}
