package dev.lockstep.cli;

/** How gradients are computed; all engines give the same bits. */
enum Engine {
    /** One Spark stage that lives for the whole run. */
    LOCKSTEP,
    /** One Spark job a step. */
    JOB,
    /** In this process, without Spark. */
    LOCAL
}
