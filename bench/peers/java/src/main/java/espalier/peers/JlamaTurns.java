package espalier.peers;

import com.github.tjake.jlama.model.AbstractModel;
import com.github.tjake.jlama.model.ModelSupport;
import com.github.tjake.jlama.safetensors.DType;
import com.github.tjake.jlama.safetensors.SafeTensorSupport;
import com.github.tjake.jlama.tensor.AbstractTensor;
import com.github.tjake.jlama.tensor.KvBufferCache;
import com.github.tjake.jlama.util.PhysicalCoreExecutor;
import java.io.File;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Random;

/**
 * Jlama: {@code JlamaTurns FOLDER THREADS}, or {@code JlamaTurns quantize FOLDER TARGET}, which writes its own format of 4
 * bits. It computes in f32 with activations in 8 bits, its default, and runs one sequence at a time.
 */
final class JlamaTurns {
    private final AbstractModel model;
    private final Random random = new Random(1);

    private JlamaTurns(AbstractModel model) {
        this.model = model;
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments[0].equals("quantize")) {
            SafeTensorSupport.quantizeModel(
                    Path.of(arguments[1]), DType.Q4, new String[] {"norm"}, null, Optional.of(Path.of(arguments[2])));
            return;
        }
        PrintStream out = System.out;
        System.setOut(System.err);
        PhysicalCoreExecutor.overrideThreadCount(Integer.parseInt(arguments[1]));
        var peer = new JlamaTurns(ModelSupport.loadModel(new File(arguments[0]), DType.F32, DType.I8));
        Turns.take("jlama", peer::run, out);
        System.exit(0); // its threads would keep the process
    }

    private int run(int[] prompts, int[] outputs) {
        int made = 0;
        for (int i = 0; i < prompts.length; i++) {
            made += one(prompts[i], outputs[i]);
        }
        return made;
    }

    /** What {@code AbstractModel.generate} does, on ids and past end tokens. */
    private int one(int prompt, int output) {
        int[] ids = random.ints(prompt, 0, model.getConfig().vocabularySize).toArray();
        int made = 1;
        try (var cache = new KvBufferCache(model);
                var kept = cache.getEphemeralKvBuffer();
                AbstractTensor<?, ?> logits = model.makeDenseTensor(model.getConfig().vocabularySize)) {
            int next;
            try (AbstractTensor<?, ?> last = model.batchForward(ids, 0, kept)) {
                next = model.sample(last.slice(last.shape().first() - 1), 0, 0, logits);
            }
            for (int position = prompt; made < output; position++, made++) {
                try (AbstractTensor<?, ?> row = model.forward(next, position, kept, Optional.empty())) {
                    next = model.sample(row, 0, 0, logits);
                }
                kept.incrementContextPosition();
            }
        }
        return made;
    }
}
