# shellcheck shell=bash disable=SC2154,SC2034 # what one sets, the other uses
# Sourced by the scripts beside it: where things are, which Java, building what is missing, starting Spark's classes.
# The script that sources this sets $self, its name for messages. Bash, with set -euo pipefail.

die() {
    echo "$self: $*" >&2
    exit 1
}

usage_error() {
    echo "$self: $*" >&2
    exit 2
}

home=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
jar=$home/target/lockstep.jar
own_spark=$home/target/spark

# Where submit/standalone keeps all of its cluster: pids, logs, work directories.
standalone=${LOCKSTEP_STANDALONE_DIR:-$home/target/standalone}
[[ $standalone == /* ]] || standalone=$PWD/$standalone

# --- Which Java ---------------------------------------------------------------------------------------------

if [[ -n ${JAVA_HOME:-} ]]; then
    java=$JAVA_HOME/bin/java
    [[ -x $java ]] || die "JAVA_HOME=$JAVA_HOME has no bin/java"
else
    java=$(command -v java) || die "no java on the PATH and JAVA_HOME is not set; JDK 17 or later is needed"
fi

# The feature number, 17 or 25: from the file every JDK has, since asking the JVM itself costs a JVM's start.
java_feature() {
    local version
    version=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$(dirname -- "$(readlink -f -- "$java")")/../release" 2>/dev/null) || true
    [[ -n $version ]] || version=$("$java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p;T;q')
    echo "${version:-0}"
}
feature=$(java_feature)

jdk_options=
if ((feature >= 24)); then
    # Spark, Kryo and Netty use sun.misc.Unsafe, as this JDK would warn at each start; so does Maven.
    jdk_options=--sun-misc-unsafe-memory-access=allow
fi
gone_option=none
if ((feature >= 25)); then
    # Spark opens a package that this JDK no longer has, which would be worth a warning at each start.
    gone_option=--add-opens=java.base/sun.security.action=
fi

# --- Build what is missing ----------------------------------------------------------------------------------

sources=("$home/src/main" "$home/conf" "$home/pom.xml") # what the build is made from, as far as the script cares

stale() {
    [[ ! -f $jar || ! -f $own_spark/RELEASE ]] ||
        [[ -n $(find "${sources[@]}" -newer "$jar" -print -quit) ]]
}

build() {
    command -v mvn >/dev/null || die "Maven is needed to build $jar"
    echo "$self: building $jar (the first time takes a while) ..." >&2
    # Formatting is for those who change the code, not for those who run it.
    (
        cd -- "$home"
        export MAVEN_OPTS="$jdk_options ${MAVEN_OPTS:-}"
        mvn -B -q --no-transfer-progress -DskipTests -Dspotless.check.skip=true package
    ) >&2 || die "the build failed; see above"
}

build_if_stale() {
    if [[ -z ${LOCKSTEP_NO_BUILD:-} ]] && stale; then
        mkdir -p -- "$home/target"
        (
            # One builds, the others wait and then find it built.
            if command -v flock >/dev/null; then
                exec 9>"$home/target/.build.lock"
                flock 9
            fi
            if stale; then
                build 9>&-
                touch -c -- "$jar" # newer than whatever it was made from, also where nothing had to be done
            fi
        )
    fi
    [[ -f $jar ]] || die "$jar is missing"
}

# --- Start Spark's classes ----------------------------------------------------------------------------------

# A word for SPARK_SUBMIT_OPTS and its like, which Spark splits at blanks outside quotes.
quote() {
    local text=${1//\\/\\\\}
    printf '"%s"' "${text//\"/\\\"}"
}

# Of those JVMs whose log levels and places are ours to say.
log_options="$(quote "-Dlog4j2.configurationFile=$home/conf/log4j2.properties") $jdk_options"

# Chooses the Spark that is used from here on: $SPARK_HOME if that is set, else the build's own.
choose_spark() {
    if [[ -n ${SPARK_HOME:-} && ! $SPARK_HOME -ef $own_spark ]]; then
        [[ -x $SPARK_HOME/bin/spark-class ]] || die "SPARK_HOME=$SPARK_HOME has no bin/spark-class"
        SPARK_CONF_DIR=${SPARK_CONF_DIR:-$SPARK_HOME/conf}
    else
        [[ -f $own_spark/RELEASE ]] || die "$own_spark is missing"
        SPARK_HOME=$own_spark
        SPARK_CONF_DIR=${SPARK_CONF_DIR:-$home/conf}
        export SPARK_SCALA_VERSION=2.13 # Spark's launcher would look for its own build directories to find it out
    fi
    export SPARK_HOME SPARK_CONF_DIR
}

# Sets the array "command" to what starts a class of Spark: the class and its arguments are ours.
spark_command() {
    if [[ ! $SPARK_HOME -ef $own_spark ]]; then
        command=("$SPARK_HOME/bin/spark-class" "$@")
        return
    fi
    # As Spark's bin/spark-class does it: the launcher prints the command line, each word closed by a zero byte,
    # after a line that holds one; our own zero byte and its status come last.
    command=()
    local started='' word last i
    while IFS= read -r -d '' word; do
        if [[ -n $started ]]; then
            command+=("$word")
        else
            started=1
            printf '%s' "$word" >&2
            IFS= read -r _ || true # the rest of the line that holds the zero byte
        fi
    done < <(
        status=0
        "$java" -Xmx128m -XX:TieredStopAtLevel=1 -cp "$own_spark/jars/*" org.apache.spark.launcher.Main "$@" || status=$?
        printf '%d\0' "$status"
    )
    last=$((${#command[@]} - 1))
    if ((last < 1)) || [[ ${command[last]} != 0 ]]; then
        die "Spark's launcher failed; see above"
    fi
    unset "command[last]"
    for i in "${!command[@]}"; do
        [[ ${command[i]} != "$gone_option"* ]] || unset "command[i]"
    done
}
