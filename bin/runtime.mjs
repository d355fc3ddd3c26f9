#!/usr/bin/env node
// Written so that an old Node still parses it: no static import, no top-level await, no syntax younger than Node 14.
var MIN_NODE = [20, 19]

function isNodeTooOld() {
  var version = process.versions.node.split('.').map(Number)
  return version[0] < MIN_NODE[0] || (version[0] === MIN_NODE[0] && version[1] < MIN_NODE[1])
}

/**
 * Files and LevelDB share libuv's pool of 4 threads, which is too few for several slots. The size is read once, when the
 * pool is first used. Node 20 uses it to load this very file, so there only the caller's environment can set it.
 */
function setProcessDefaults() {
  if (!process.env.UV_THREADPOOL_SIZE) process.env.UV_THREADPOOL_SIZE = '16'
  if (!process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED) {
    process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'
  }
}

/** Ends the process once both streams have taken what was written: a pipe may be slower than the program. */
function exit(code) {
  process.exitCode = code
  process.stdout.write('', function () {
    process.stderr.write('', function () {
      process.exit(code)
    })
  })
}

function refuse(message) {
  console.error('runtime: ' + message)
  exit(2)
}

function run() {
  var mainUrl = new URL('../dist/runtime/cli/main.js', import.meta.url)
  import(mainUrl.href)
    .then(
      function (cli) {
        return cli.main(process.argv.slice(2)).then(exit)
      },
      function (error) {
        if (error.code === 'ERR_MODULE_NOT_FOUND' && error.url === mainUrl.href) {
          refuse('the program is not built (dist/ is missing). Run "npm install" or "npm run build" in ' + root())
        } else if (error.code === 'ERR_MODULE_NOT_FOUND') {
          refuse(error.message + '. Run "npm install" in ' + root())
        } else throw error
      },
    )
    .catch(function (error) {
      // main() reports its own errors; what arrives here is a fault of the program, so its stack is wanted.
      console.error(error)
      exit(1)
    })
}

function root() {
  return decodeURIComponent(new URL('..', import.meta.url).pathname)
}

if (isNodeTooOld()) {
  refuse('needs Node ' + MIN_NODE.join('.') + ' or newer, this is ' + process.version + '. Install a newer Node.js.')
} else {
  setProcessDefaults()
  run()
}
