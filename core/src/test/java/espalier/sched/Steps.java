package espalier.sched;

import espalier.api.Emission;
import espalier.api.GenerateRequest;
import espalier.api.SamplingParams;
import espalier.base.Tokens;
import espalier.sched.Simulation.Case;
import espalier.step.StepPlan;
import espalier.step.StepPlan.Chunk;
import espalier.step.StepResult;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;

/** Small words for tests that drive a scheduler by hand. */
final class Steps {
    /** What every step answers. */
    static final int TOKEN = 3;

    private Steps() {}

    static SamplingParams upTo(int tokens) {
        return SamplingParams.builder().maxNewTokens(tokens).ignoreEos(true).build();
    }

    static GenerateRequest request(int promptTokens, int newTokens) {
        return request(promptTokens, newTokens, 0);
    }

    static GenerateRequest request(int promptTokens, int newTokens, int priority) {
        int[] prompt =
                IntStream.range(0, promptTokens).map(i -> 1000 * priority + i).toArray();
        return new GenerateRequest("r", Tokens.of(prompt), upTo(newTokens), priority, "");
    }

    static Case aCase(long id, int[] prompt, int newTokens) {
        return new Case(id, new GenerateRequest("r" + id, Tokens.of(prompt), upTo(newTokens)), id, false, 0, -1);
    }

    static Scheduler scheduler(Limits limits, Policy policy) {
        return new Scheduler(limits, Strategy.standard().withPolicy(policy), Simulation.END);
    }

    /** The next step of a device whose speed nobody has measured. */
    static StepPlan plan(Scheduler scheduler) {
        return scheduler.plan(Speed.UNKNOWN);
    }

    /** Plans a step and answers it. */
    static StepPlan step(Scheduler scheduler, List<Emission> heard) {
        StepPlan plan = plan(scheduler);
        if (!plan.isEmpty()) {
            int rows = scheduler.sampling().rows().size();
            int[] tokens = new int[rows];
            Arrays.fill(tokens, TOKEN);
            heard.addAll(scheduler.complete(
                    new StepResult(plan.number(), tokens, new ArrayList<>(Collections.nCopies(rows, null)))));
        }
        scheduler.checkInvariants();
        return plan;
    }

    static List<Long> admitted(StepPlan plan) {
        return plan.chunks().stream().filter(Chunk::opens).map(Chunk::request).toList();
    }

    static List<Long> admissions(Scheduler scheduler) {
        var order = new ArrayList<Long>();
        while (!scheduler.isIdle()) {
            order.addAll(admitted(step(scheduler, new ArrayList<>())));
        }
        return order;
    }
}
