#!/bin/sh
# Fuzzes parsers with libFuzzer, one after the other; see docs/fuzzing.md.
#
#   fuzz.sh run SECONDS [TARGET…]      for so long each; what it has learnt is kept in build/fuzz
#   fuzz.sh coverage [TARGET…]         the lines that the seeds and what was learnt reach
#   fuzz.sh reproduce TARGET FILE…     one input again
set -eu
cd "$(dirname "$0")/.."
seeds=Tests/FuzzTests/Corpus
learnt=build/fuzz
# libFuzzer cuts what is longer, seeds too: as long as a profile of Docker's is.
longest=16384
targets="accounts control detach-keys environment-file manifest mask options procfile seccomp \
stored-log terminal-text"
export ONEOFF_FUZZ=1
# Swift's own backtrace of a crash would keep libFuzzer from saving the input.
export SWIFT_BACKTRACE=enable=no
export ASAN_OPTIONS="${ASAN_OPTIONS:-symbolize=0}"

# The toolchain's own: a profile is of one version of LLVM.
tools=$(dirname "$(readlink -f "$(command -v swift)")")

# SwiftPM takes --scratch-path, so that neither build disturbs the others.
build() {
    scratch=$1
    shift
    swift build --quiet --product oneoff-fuzz --scratch-path "$scratch" \
        -Xswiftc -enable-testing -Xswiftc -Xclang-linker -Xswiftc -fuse-ld=lld "$@"
}

# What each target is there for: the files whose coverage counts.
parsers() {
    case $1 in
    accounts) echo ContainerSpec/AccountDatabase ContainerSpec/UserReference+Text \
        ContainerSpec/Decimal ;;
    control) echo OneOff/ControlProtocol OneOff/ControlFrame ;;
    detach-keys) echo OneOff/DetachKeys ;;
    environment-file) echo ContainerSpec/EnvironmentFile ;;
    manifest) echo Deploy/AppManifest Deploy/AppManifestReader Deploy/ReleaseFiles \
        Deploy/PhaseCommand ;;
    mask) echo OneOff/SecretPatterns OneOff/SecretScanner OneOff/MaskedStream ;;
    options) echo LinuxSystem/OptionScanner oneoff/OptionParser oneoff/OptionTable \
        oneoff/OptionTable+Control oneoff/OptionTable+Interaction oneoff/OptionTable+Limits \
        oneoff/OptionTable+Record oneoff/OptionTable+Scratch oneoff/OptionTable+Secrets \
        oneoff/OptionTable+Sinks oneoff/OptionTable+Time OneOff/SyslogTarget \
        LinuxSystem/SocketAddress ContainerSpec/Export ContainerSpec/Limits+Text \
        ContainerSpec/Limits+Validation \
        ContainerSpec/ResourceLimit ContainerSpec/SecretNames ContainerSpec/ConnectionString \
        ContainerSpec/Mounts+Text ContainerSpec/ByteCount+Text ContainerSpec/DurationText \
        ContainerSpec/Environment ContainerSpec/Names ContainerSpec/Capability \
        ContainerSpec/Seccomp+Text ;;
    procfile) echo Deploy/Procfile Deploy/ProcfileReader Deploy/Phase Deploy/ProcfileReport \
        Deploy/ProcfilePlatform Deploy/PlatformReader Deploy/PlatformPhrase Deploy/LineSurvey ;;
    seccomp) echo SeccompPolicy/ProfileCoding SeccompPolicy/SyscallPolicy \
        SeccompPolicy/Decision SeccompPolicy/IntervalTree SeccompPolicy/BPFAssembler \
        SeccompPolicy/LibseccompProgram SeccompPolicy/LibseccompAgreement \
        SeccompPolicy/StrictJSON ;;
    stored-log) echo OneOff/LogRecord OneOff/LogReader OneOff/LogTail OneOff/TimestampParsing ;;
    terminal-text) echo OneOff/TerminalText ;;
    esac | tr ' ' '\n' | sed 's|.*|Sources/&.swift|'
}

fuzz() {
    name=$1
    shift
    mkdir -p "$learnt/$name"
    FUZZ_TARGET=$name "$@" -dict="Tests/FuzzTests/Dictionaries/$name.dict" \
        -artifact_prefix="$learnt/$name-" -timeout=10 -max_len="$longest" \
        "$learnt/$name" "$seeds/$name"
}

usage() {
    echo "usage: fuzz.sh run SECONDS [TARGET...] | coverage [TARGET...] | reproduce TARGET FILE..." >&2
    exit 64
}

[ $# -gt 0 ] || usage
command=$1
shift
mkdir -p "$learnt"
case $command in
run)
    case ${1:-} in '' | *[!0-9]*) usage ;; esac
    seconds=$1
    shift
    [ $# -gt 0 ] || eval "set -- $targets"
    build .build/fuzz -c release -Xswiftc -sanitize=fuzzer,address
    for name in "$@"; do
        echo "== $name, $seconds s"
        fuzz "$name" .build/fuzz/release/oneoff-fuzz -max_total_time="$seconds" \
            -print_final_stats=1 >"$learnt-$name.log" 2>&1 </dev/null || {
            tail -n 40 "$learnt-$name.log"
            exit 1
        }
        grep -E 'Done|number_of_executed' "$learnt-$name.log"
    done
    ;;
coverage)
    [ $# -gt 0 ] || eval "set -- $targets"
    build .build/fuzz-coverage -c release -Xswiftc -sanitize=fuzzer \
        -Xswiftc -profile-generate -Xswiftc -profile-coverage-mapping
    for name in "$@"; do
        LLVM_PROFILE_FILE="$learnt-$name.profraw" \
            fuzz "$name" .build/fuzz-coverage/release/oneoff-fuzz -runs=0 >/dev/null 2>&1 </dev/null
        "$tools/llvm-profdata" merge -o "$learnt-$name.profdata" "$learnt-$name.profraw"
        echo "== $name: lines reached of each file"
        parsers "$name" | xargs "$tools/llvm-cov" export .build/fuzz-coverage/release/oneoff-fuzz \
            -instr-profile "$learnt-$name.profdata" -format=lcov |
            awk -F: '/^SF/ {file = $2}
                /^LF/ {lines = $2}
                /^LH/ {printf "%4d of %4d  %5.1f %%  %s\n", $2, lines, 100 * $2 / lines, file}' |
            sed "s|$PWD/Sources/||"
    done
    ;;
reproduce)
    [ $# -ge 2 ] || usage
    name=$1
    shift
    build .build/fuzz -c release -Xswiftc -sanitize=fuzzer,address
    FUZZ_TARGET=$name .build/fuzz/release/oneoff-fuzz "$@"
    ;;
*) usage ;;
esac
