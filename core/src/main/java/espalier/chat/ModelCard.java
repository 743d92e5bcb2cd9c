package espalier.chat;

import java.util.List;

/**
 * What a surface may say about the model.
 *
 * @param created seconds since the epoch at which it was loaded
 */
public record ModelCard(
        String servedName,
        String modelPath,
        String tokenizerPath,
        List<String> architectures,
        String modelType,
        boolean hasChatTemplate,
        long created) {}
