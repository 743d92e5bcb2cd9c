package espalier.cuda;

import espalier.cuda.driver.Driver;
import espalier.cuda.driver.Stream;
import espalier.cuda.kernel.DeviceSampler;
import espalier.step.SamplingBatch;
import espalier.step.StepResult;
import espalier.tensor.DType;
import espalier.tensor.OpShapes;
import espalier.tensor.Sampler;
import espalier.tensor.Tensor;

/** The device's sampler behind the seam. */
final class CudaSampler implements Sampler {
    private final DeviceSampler sampler;
    private final Tensor lastTokens;
    private final int vocab;

    CudaSampler(Driver driver, Stream stream, Size size) {
        vocab = size.vocab();
        sampler = new DeviceSampler(driver, stream, size);
        var buffer = new CudaBuffer(sampler.lastTokens(), 4L * size.seats());
        lastTokens = new Tensor(buffer, 0, DType.I32, 1, size.seats(), size.seats());
    }

    @Override
    public void sample(Tensor logits, SamplingBatch how) {
        OpShapes.logits(logits, how.rows().size(), vocab);
        sampler.sample(CudaBuffer.view(logits), how);
    }

    @Override
    public StepResult result() {
        return sampler.result();
    }

    @Override
    public Tensor lastTokens() {
        return lastTokens;
    }
}
