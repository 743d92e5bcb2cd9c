package espalier.tensor.host;

/** Runs the independent parts of one job: in turn, or at once on a device's threads. */
public interface Parts {

    /** How many parts may run at once; a lane runs one at a time, so it may own scratch memory. */
    int lanes();

    /** Runs parts {@code 0 .. count - 1} and returns when all are done. */
    void run(int count, Part part);

    /** The work of one part, on one of the lanes. */
    interface Part {
        void run(int index, int lane);
    }

    /** One after another on the calling thread. */
    static Parts inTurn() {
        return new Parts() {
            @Override
            public int lanes() {
                return 1;
            }

            @Override
            public void run(int count, Part part) {
                for (int i = 0; i < count; i++) {
                    part.run(i, 0);
                }
            }
        };
    }
}
