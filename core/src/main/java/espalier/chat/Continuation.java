package espalier.chat;

/** How a rendered conversation ends, as the chat templates of the transformers library know it. */
public enum Continuation {
    /** With the opening of an assistant's turn: the model answers. */
    ADD_GENERATION_PROMPT,
    /** Inside the last message, which the model goes on writing. */
    CONTINUE_FINAL_MESSAGE,
    /** After the last message. */
    NONE
}
