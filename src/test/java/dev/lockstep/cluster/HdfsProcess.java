package dev.lockstep.cluster;

import java.io.BufferedReader;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Base64;
import org.apache.hadoop.fs.FSDataOutputStream;

/**
 * An HDFS in a process of its own, for {@code src/soak/soak.py}. It says {@code hdfs://host:port} on standard output and then
 * answers each line of standard input by one line, until there are no more:
 *
 * <pre>
 *   names PATH           names in a directory, separated by spaces
 *   read PATH            the bytes of a file in base 64, behind a "+"
 *   write PATH BASE64    "+"
 *   delete PATH          "+", also if there was nothing
 *   stop                 "+"; the same of the two data nodes every time, so that the other has every block
 *   start                "+"; the data node that was stopped is back
 * </pre>
 *
 * The answer is "-" if there is no such file, and "!" with a reason if something else is wrong.
 */
final class HdfsProcess {
    private static final int SECOND = 1; // one that comes back is the last again

    private HdfsProcess() {}

    /** @param arguments the directory for what the nodes store, and a local directory that becomes {@code /data} */
    public static void main(String[] arguments) throws IOException {
        PrintStream answers = new PrintStream(System.out, true, StandardCharsets.US_ASCII);
        System.setOut(System.err);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        try (HdfsCluster hdfs = new HdfsCluster(Path.of(arguments[0]))) {
            hdfs.put(Path.of(arguments[1]), "/data");
            answers.println(hdfs.uri(""));
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                answers.println(answer(hdfs, line.split(" ")));
            }
        }
    }

    private static String answer(HdfsCluster hdfs, String[] words) {
        try {
            switch (words[0]) {
                case "names":
                    return String.join(" ", hdfs.names(words[1]));
                case "read":
                    return "+" + Base64.getEncoder().encodeToString(hdfs.bytes(words[1]));
                case "write":
                    try (FSDataOutputStream out = hdfs.files().create(new org.apache.hadoop.fs.Path(words[1]), true)) {
                        out.write(
                                words.length == 2
                                        ? new byte[0]
                                        : Base64.getDecoder().decode(words[2]));
                    }
                    return "+";
                case "delete":
                    hdfs.files().delete(new org.apache.hadoop.fs.Path(words[1]), true);
                    return "+";
                case "stop":
                    hdfs.stopDataNode(SECOND);
                    return "+";
                case "start":
                    hdfs.startStoppedDataNodes();
                    return "+";
                default:
                    return "! what is " + words[0] + "?";
            }
        } catch (FileNotFoundException e) {
            return "-";
        } catch (IOException e) {
            return "! " + String.valueOf(e.getMessage()).replaceAll("\\s+", " ");
        }
    }
}
