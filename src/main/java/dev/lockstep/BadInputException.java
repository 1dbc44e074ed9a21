package dev.lockstep;

/**
 * Input that a person has to mend: a wrong option, a damaged file, data that do not fit the model. The message is one
 * line that carries every operand (file, offset, expected, found); the command line prints it and ends with status 2.
 */
public final class BadInputException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** @param message one line for people: what is wrong, where, what was expected and what was found */
    public BadInputException(String message) {
        super(message);
    }

    /**
     * @param message one line for people: what is wrong, where, what was expected and what was found
     * @param cause what brought it to light
     */
    public BadInputException(String message, Throwable cause) {
        super(message, cause);
    }

    /**
     * What a message of one line says of its cause: the first line of the cause's own message, since stack traces of
     * servers follow in the next ones, or the name of its class if it has no message.
     */
    public static String reason(Throwable cause) {
        String message = cause.getMessage();
        return message == null || message.isBlank()
                ? cause.getClass().getSimpleName()
                : message.strip().lines().findFirst().orElseThrow();
    }
}
