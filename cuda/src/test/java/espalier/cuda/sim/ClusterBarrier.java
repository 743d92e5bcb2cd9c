package espalier.cuda.sim;

import static espalier.cuda.sim.Finding.Kind.DIVERGENCE;

import java.util.ArrayList;
import java.util.List;

/**
 * The barrier of a cluster (PTX ISA 9.7.13.4 barrier.cluster). A relaxed arrival orders no memory; it shows to others only
 * the mbarriers that fence.mbarrier_init covers.
 */
final class ClusterBarrier {
    private final Block[] cluster;
    private final List<Warp> waiting = new ArrayList<>();
    private final Clock arriving = new Clock(0), inits = new Clock(0);
    private Clock done = new Clock(0), doneInits = new Clock(0);
    private int arrived, phase;

    ClusterBarrier(Block[] cluster) {
        this.cluster = cluster;
    }

    void arrive(Warp w, boolean relaxed) {
        if (!relaxed) {
            arriving.join(w.vc);
        }
        if (w.inits != null) {
            inits.join(w.inits);
        }
        w.tick();
        w.clusterPhase = phase + 1;
        arrived++;
        release();
    }

    void await(Warp w, Instruction in) {
        if (w.clusterPhase == 0) {
            w.report(DIVERGENCE, in, "barrier.cluster.wait without an arrive");
        }
        if (phase >= w.clusterPhase) {
            learn(w);
        } else {
            w.atBarrier = in;
            waiting.add(w);
        }
    }

    /** The phase ends if all warps that have not ended are there. */
    void release() {
        int alive = 0;
        for (Block b : cluster) {
            alive += b.alive();
        }
        if (arrived == 0 || arrived < alive) {
            return;
        }
        phase++;
        arrived = 0;
        done = Clock.copy(arriving);
        doneInits = Clock.copy(inits);
        for (Warp w : waiting) {
            w.atBarrier = null;
            learn(w);
        }
        waiting.clear();
        cluster[0].changed();
    }

    private void learn(Warp w) {
        w.vc.join(done);
        if (w.inits == null) {
            w.inits = new Clock(w.block.sequence);
        }
        w.inits.join(doneInits);
        w.tick();
    }
}
