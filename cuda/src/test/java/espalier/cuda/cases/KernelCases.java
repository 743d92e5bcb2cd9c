package espalier.cuda.cases;

import java.util.ArrayList;
import java.util.List;

/** Every kernel case there is: each family adds its list here. */
public final class KernelCases {
    private KernelCases() {}

    public static List<KernelCase> all() {
        var all = new ArrayList<KernelCase>(DriverCases.all());
        all.addAll(AttentionCases.all());
        all.addAll(ElementwiseCases.all());
        all.addAll(ProductCases.all());
        all.addAll(PromptProductCases.all());
        all.addAll(SamplingCases.all());
        return all;
    }
}
