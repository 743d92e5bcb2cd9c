# Sourced by ./mvnw and ./espalier: finds a JDK of at least the version that Espalier is built with, and sets
# JAVA_HOME. The default java of a machine is often older; nothing is changed outside the process.
ESPALIER_JDK=25

jdk_version() { # folder -> major version on standard output, nothing if it is no JDK
    [ -x "$1/bin/javac" ] && [ -r "$1/release" ] || return 0
    sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$1/release"
}

jdk_use() { # folder -> true and JAVA_HOME set if it is new enough
    version=$(jdk_version "$1")
    [ -n "$version" ] && [ "$version" -ge "$ESPALIER_JDK" ] || return 1
    JAVA_HOME=$1
    export JAVA_HOME
}

find_jdk() {
    [ -n "${JAVA_HOME:-}" ] && jdk_use "$JAVA_HOME" && return 0
    if java=$(command -v java); then
        # On most systems java is a link into the JDK; readlink -f is in POSIX since 2024 and everywhere before it.
        jdk_use "$(dirname "$(dirname "$(readlink -f "$java")")")" && return 0
    fi
    for folder in /usr/lib/jvm/*"$ESPALIER_JDK"* /usr/lib/jvm/* \
        "$HOME/.sdkman/candidates/java/$ESPALIER_JDK"* "$HOME/.sdkman/candidates/java"/* \
        "${ASDF_DATA_DIR:-$HOME/.asdf}/installs/java"/* "${MISE_DATA_DIR:-$HOME/.local/share/mise}/installs/java"/* \
        "$HOME/.jdks"/* /opt/java/* /opt/jdk* \
        /Library/Java/JavaVirtualMachines/*/Contents/Home "$HOME/Library/Java/JavaVirtualMachines"/*/Contents/Home; do
        jdk_use "$folder" && return 0
    done
    echo "Espalier needs JDK $ESPALIER_JDK or newer and found none; install one (apt install temurin-$ESPALIER_JDK-jdk, sdk install java $ESPALIER_JDK-tem, or brew install openjdk@$ESPALIER_JDK) or set JAVA_HOME." >&2
    return 1
}
