"""What words of a compiler's command line mean for us: plain tables, nothing imported."""

SUFFIXES = (
    *(".c", ".i", ".ll", ".bc"),
    *(".cc", ".cp", ".cpp", ".cxx", ".c++", ".C", ".CC", ".CPP", ".ii"),
)
LANGUAGES = ("none", "c", "c++", "cpp-output", "c++-cpp-output", "ir")

WITH_VALUE = frozenset(
    """-o -x -I -D -U -A -B -F -G -L -T -V -b -e -l -u -z -J -include -imacros -isystem -idirafter
    -iquote -iprefix -iwithprefix -iwithprefixbefore -isysroot -iframework -iframeworkwithsysroot
    -isystem-after -cxx-isystem -ivfsoverlay -include-pch -MF -MT -MQ -MJ -Xclang -Xpreprocessor
    -Xassembler -Xlinker -Xanalyzer -Xopenmp-target -mllvm -target -arch -framework -dumpdir
    -dumpbase -dumpbase-ext -aux-info -working-directory -gcc-toolchain -resource-dir -rpath
    -undefined -install_name -current_version -compatibility_version -bundle_loader -ccc-gcc-name
    -ccc-install-dir -serialize-diagnostics -fdebug-compilation-dir -target-cpu -mthread-model
    --param --sysroot --include --define-macro --undefine-macro --include-directory --output
    --language --target --config --assert --prefix""".split()
)

REFUSED = {
    "-E": "preprocessing",
    "--preprocess": "preprocessing",
    "-M": "dependencies only",
    "-MM": "dependencies only",
    "-MJ": "compilation database",
    "-S": "assembly output",
    "--assemble": "assembly output",
    "-fsyntax-only": "syntax check",
    "--analyze": "static analysis",
    "-emit-llvm": "IR output",
    "-emit-ast": "AST output",
    "-v": "query",
    "-###": "query",
    "--verbose": "query",
    "--version": "query",
    "--help": "query",
    "-help": "query",
    "--help-hidden": "query",
    "-dumpversion": "query",
    "-dumpmachine": "query",
    "-cc1": "compiler internals",
    "-cc1as": "compiler internals",
    "-pg": "profiling",
    "-fno-integrated-as": "external assembler",
    "-no-integrated-as": "external assembler",
    "-fstack-usage": "extra output file",
    "-fplugin": "compiler plug-in",
}

INTERNAL = (
    "-emit-llvm", "-emit-pch", "-load", "-fsyntax-only", "-disable-llvm-passes",
    "-disable-llvm-optzns",
)  # fmt: skip

REFUSED_PREFIXES = (
    ("-fsanitize", "sanitizer"),
    ("-fprofile-", "profiling"),
    ("-fcs-profile-", "profiling"),
    ("-fauto-profile", "profiling"),
    ("-fmemory-profile", "profiling"),
    ("-fcoverage-mapping", "coverage"),
    ("-ftest-coverage", "coverage"),
    ("-coverage", "coverage"),
    ("--coverage", "coverage"),
    ("-finstrument-", "instrumentation"),
    ("-fxray-", "instrumentation"),
    ("-fpseudo-probe", "instrumentation"),
    ("-fmodule", "modules"),
    ("-fprebuilt-module", "modules"),
    ("--precompile", "modules"),
    ("-save-temps", "save-temps"),
    ("--save-temps", "save-temps"),
    ("-gsplit-dwarf", "extra output file"),
    ("-ftime-trace", "extra output file"),
    ("-fsave-optimization-record", "extra output file"),
    ("-foptimization-record", "extra output file"),
    ("-fembed-bitcode", "embedded bitcode"),
    ("-fembed-offload", "offloading"),
    ("-fopenmp-targets", "offloading"),
    ("--offload", "offloading"),
    ("--cuda", "offloading"),
    ("-fplugin=", "compiler plug-in"),
    ("-working-directory", "other working directory"),
    ("-fpass-plugin", "compiler plug-in"),
    ("-print-", "query"),
    ("--print-", "query"),
    ("-dump", "query"),
    ("@", "response file"),
)

PROBE_NAMES = ("conftest", "_configtest", "sanitycheckc", "sanitycheckcpp")
PROBE_FOLDERS = (
    "/CMakeFiles/CMakeScratch/",
    "/CMakeFiles/CMakeTmp/",
    "/CMakeFiles/ShowIncludes/",
    "/meson-private/",
    "/.conf_check_",
    "/config.tests/",
    "CMakeCCompilerABI.c",
    "CMakeCXXCompilerABI.cpp",
    "CMakeCCompilerId.c",
    "CMakeCXXCompilerId.cpp",
    "cmTC_",
)
