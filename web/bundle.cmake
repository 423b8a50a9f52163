# cmake -D WEB=… -D WORK=… -D NODE=… -D NPM=… -P bundle.cmake
#
# Fills WORK/root with the files to embed. Packages come from npm as web/package-lock.json pins them,
# into WORK/npm. Where that cannot be done, the files say so instead, and `pricecast` builds all the
# same: FAILED is then the reason, and WORK/incomplete exists, so that the next build tries again.
cmake_minimum_required(VERSION 3.22)

set(root ${WORK}/root)
set(npm ${WORK}/npm)
set(failed "")

function(fetch_packages)
  file(SHA256 ${WEB}/package-lock.json lock)
  if(EXISTS ${npm}/fetched)
    file(READ ${npm}/fetched fetched)
    if(fetched STREQUAL lock)
      return()
    endif()
  endif()
  file(MAKE_DIRECTORY ${npm})
  file(COPY ${WEB}/package.json ${WEB}/package-lock.json ${WEB}/.npmrc DESTINATION ${npm})
  execute_process(
    COMMAND ${NPM} ci --omit=dev --ignore-scripts --no-audit --no-fund --prefer-offline
            --fetch-retries=1 --fetch-retry-mintimeout=1000 --fetch-timeout=30000
    WORKING_DIRECTORY ${npm} RESULT_VARIABLE status OUTPUT_FILE ${npm}/npm.log
    ERROR_FILE ${npm}/npm.log)
  if(NOT status EQUAL 0)
    set(failed "npm could not fetch the packages of the dashboard (no network?)." PARENT_SCOPE)
    message(WARNING "npm ci failed, see ${npm}/npm.log")
    return()
  endif()
  file(WRITE ${npm}/fetched ${lock})
endfunction()

if(NOT NODE)
  set(failed "Node.js was not found when this program was built.")
elseif(NOT NPM)
  set(failed "npm was not found when this program was built.")
else()
  execute_process(COMMAND ${NODE} -p "process.versions.node.split('.')[0]"
                  OUTPUT_VARIABLE major OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE status)
  if(NOT status EQUAL 0 OR major LESS 18)
    set(failed "Node.js 18 or later is needed; this program was built with ${major}.")
  else()
    fetch_packages()
  endif()
endif()

if(failed STREQUAL "")
  execute_process(COMMAND ${NODE} ${WEB}/build.mjs --modules ${npm}/node_modules --out ${root}
                  RESULT_VARIABLE status ERROR_VARIABLE said)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "web/build.mjs failed\n${said}")
  endif()
  file(REMOVE ${WORK}/incomplete)
  return()
endif()

message(WARNING "The dashboard is left out. ${failed} The server is built all the same.")
file(REMOVE_RECURSE ${root})
file(MAKE_DIRECTORY ${root})
set(REASON "${failed}")
configure_file(${WEB}/fallback.html ${root}/index.html @ONLY)
file(COPY ${WEB}/favicon.svg DESTINATION ${root})
file(COPY ${WEB}/client DESTINATION ${root} FILES_MATCHING PATTERN "*.js")
file(WRITE ${root}/pricecast.js "export * from './client/pricecast.js';\n")
file(WRITE ${WORK}/incomplete "${failed}\n")
