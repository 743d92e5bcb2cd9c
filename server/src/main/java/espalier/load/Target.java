package espalier.load;

/** Something that serves one request and says how it went; called from many threads. */
interface Target {
    Outcome serve(Workload.Item item) throws InterruptedException;
}
