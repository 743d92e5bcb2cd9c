package espalier.cuda;

import espalier.api.Emission;
import espalier.api.EngineFault;
import espalier.api.EngineInfo;
import espalier.api.GenerateRequest;
import espalier.api.Generation;
import espalier.api.SamplingParams;
import espalier.base.Tokens;
import espalier.checkpoint.ModelFolder;
import espalier.cuda.driver.Driver;
import espalier.engine.LocalEngine;
import espalier.engine.LoopOptions;
import espalier.exec.Capacity;
import espalier.exec.LoadSettings;
import espalier.exec.LoadedModel;
import espalier.exec.ModelLoader;
import espalier.exec.RankedExecutor;
import espalier.golden.GoldenModels;
import espalier.sched.Limits;
import espalier.sched.Scheduler;
import espalier.sched.Strategy;
import espalier.tensor.DType;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** An engine of a tiny model on whatever driver, for some requests at once. */
final class TinyEngine {
    private static final int SEATS = 3;
    private static final int CONTEXT = 64;
    private static final int PAGES = 128;

    private TinyEngine() {}

    static LocalEngine start(Driver driver, CudaDevice.Setup setup) {
        return start(driver, setup, Duration.ofMinutes(1));
    }

    /** Closes the driver where the start fails. */
    static LocalEngine start(Driver driver, CudaDevice.Setup setup, Duration watchdog) {
        LoadedModel model = ModelLoader.load(
                ModelFolder.open(GoldenModels.named("llama3-bf16").folder()).checkpoint(),
                List.of(device(driver, setup)),
                LoadSettings.plain());
        int vocab = model.shape().vocab().size();
        var executor = RankedExecutor.start(
                model, new Capacity(SEATS, 32, PAGES, 1, CONTEXT, DType.BF16), (_, _) -> {}, watchdog);
        var limits = new Limits(PAGES, 1, SEATS, CONTEXT, 24, 1024, 100);
        var scheduler = new Scheduler(limits, Strategy.standard(), Set.of());
        var info = new EngineInfo("test", vocab, CONTEXT, Set.of(), 1, PAGES, SEATS);
        return LocalEngine.start(scheduler, executor, info, LoopOptions.of(1));
    }

    private static CudaDevice device(Driver driver, CudaDevice.Setup setup) {
        try {
            return new CudaDevice(driver, setup);
        } catch (RuntimeException e) {
            driver.close();
            throw e;
        }
    }

    /** How some requests end that run at once. One that comes after a failure is refused, which is an end, too. */
    static List<Emission> serve(LocalEngine engine) throws InterruptedException {
        var ends = new ArrayList<Emission>();
        var open = new ArrayList<Generation>();
        for (int i = 0; i < SEATS; i++) {
            try {
                open.add(engine.submit(request("r" + i, 1 + i)));
            } catch (EngineFault refused) {
                ends.add(new Emission.Failed(i, refused));
            }
        }
        for (Generation each : open) {
            ends.add(ending(each));
        }
        return ends;
    }

    static GenerateRequest request(String name, int firstToken) {
        var params = SamplingParams.builder()
                .maxNewTokens(4)
                .ignoreEos(true)
                .temperature(0)
                .build();
        return new GenerateRequest(name, Tokens.of(firstToken, 2, 3, 4, 5), params);
    }

    static Emission ending(Generation generation) throws InterruptedException {
        Emission next = generation.next();
        while (next instanceof Emission.Token) {
            next = generation.next();
        }
        return next;
    }
}
