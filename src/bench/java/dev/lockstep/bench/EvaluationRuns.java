package dev.lockstep.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Evaluations of one model on many images. Model and images are made at the first run. One thread. */
final class EvaluationRuns implements Side {
    /** Test images, over and over: half a gigabyte. */
    private static final int IMAGES = 600_000;

    private static final int QUICK_IMAGES = 20_000;

    private final LockstepRuns lockstep;
    private final Workplace workplace;
    private final String master;
    private final Path data;
    private final boolean quick;
    private LockstepRuns.Command command;

    /** @param quick whether figures may be worth nothing */
    EvaluationRuns(LockstepRuns lockstep, Workplace workplace, String master, Path data, boolean quick) {
        this.lockstep = lockstep;
        this.workplace = workplace;
        this.master = master;
        this.data = data;
        this.quick = quick;
    }

    @Override
    public Map<String, Double> run() throws IOException {
        return lockstep.evaluation(command());
    }

    /** The command that is measured. */
    LockstepRuns.Command command() throws IOException {
        if (command == null) {
            Path model = lockstep.model(LockstepRuns.Command.train(master, data, List.of("--iterations", "1000")));
            Path images = workplace.newDirectory();
            RepeatedImages.write(data, images, quick ? QUICK_IMAGES : IMAGES);
            List<String> words = List.of("evaluate", "--model", model.toString(), "--data", images.toString());
            command = new LockstepRuns.Command(master, words);
        }
        return command;
    }
}
