# Runs Bruco's worker in the Python that runs this: bruco-worker(1) executes it when a handler is for another
# Python than its own. No module and no function of the handler's is looked for here.
import sys


def main():
    import os
    from importlib import machinery, util

    library = os.path.dirname(os.path.realpath(__file__))
    modules = os.path.join(library, "modules")
    names = [os.path.join(modules, "_bruco_worker" + suffix) for suffix in machinery.EXTENSION_SUFFIXES]
    found = [name for name in names if os.path.exists(name)]
    if not found:
        sys.stderr.write(
            "bruco-worker: error: '%s' is Python %s, for which there is no worker: no '%s'; in Bruco's sources "
            "'make modules PYTHONS=%s' builds it\n" % (sys.executable, sys.version.split()[0], names[0], sys.executable)
        )
        sys.exit(78)
    spec = util.spec_from_file_location("_bruco_worker", found[0])
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    arguments = ["bruco-worker"] + sys.argv[1:]
    # As in the program, where nothing is the main module: multiprocessing imports none in its children.
    sys.argv[:] = arguments[:1]
    for name in ("__file__", "__cached__", "main"):
        globals().pop(name, None)
    module.main(os.path.join(library, "../../bin/bruco-worker"), arguments)


if __name__ == "__main__":
    main()
