package espalier.exec;

import espalier.checkpoint.Checkpoint;
import espalier.model.Decoder;
import espalier.model.ModelShape;
import espalier.tensor.Device;
import java.util.ArrayList;
import java.util.List;

/** A model on its devices, one rank each. Owns the devices and the checkpoint, whose memory the weights may be. */
public final class LoadedModel implements AutoCloseable {
    private final Checkpoint checkpoint;
    private final List<Device> devices;
    private final List<Decoder> decoders;
    private final List<Device> open;

    LoadedModel(Checkpoint checkpoint, List<Device> devices, List<Decoder> decoders) {
        this.checkpoint = checkpoint;
        this.devices = List.copyOf(devices);
        this.decoders = List.copyOf(decoders);
        this.open = new ArrayList<>(devices);
    }

    public ModelShape shape() {
        return decoders.getFirst().shape();
    }

    public List<Device> devices() {
        return devices;
    }

    List<Decoder> decoders() {
        return decoders;
    }

    /** Closes one rank's device before the others': those that wait for it in a collective are released. */
    synchronized void closeRank(int rank) {
        Device device = devices.get(rank);
        if (open.remove(device)) {
            device.close();
        }
    }

    @Override
    public synchronized void close() {
        boolean had = !open.isEmpty();
        for (int rank = devices.size() - 1; rank >= 0; rank--) {
            closeRank(rank);
        }
        if (had) {
            checkpoint.close();
        }
    }
}
