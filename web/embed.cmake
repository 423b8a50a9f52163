# cmake -D ROOT=… -D LIST=… -D GZIP=… -D OUT=… -P embed.cmake
#
# Writes a C table of the files named in LIST (paths below ROOT), each with a gzip twin where that is
# smaller. gzip -n leaves out time and name: the same files give the same bytes.
cmake_minimum_required(VERSION 3.22)

set(mime_html "text/html; charset=utf-8")
set(mime_css "text/css; charset=utf-8")
set(mime_js "text/javascript; charset=utf-8")
set(mime_svg "image/svg+xml")
set(mime_png "image/png")
set(mime_ico "image/x-icon")
set(mime_woff2 "font/woff2")
set(mime_webmanifest "application/manifest+json")

# Sets `out` to the initialiser bytes of a file and `out_len` to their number.
function(bytes_of path out)
  file(READ ${path} hex HEX)
  string(LENGTH "${hex}" digits)
  math(EXPR length "${digits} / 2")
  string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
  set(${out} "${hex}" PARENT_SCOPE)
  set(${out}_len ${length} PARENT_SCOPE)
endfunction()

file(STRINGS ${LIST} files)
list(SORT files COMPARE STRING) # asset_find() looks by bisection
set(bodies "")
set(rows "")
set(number 0)
foreach(file IN LISTS files)
  set(path ${ROOT}/${file})
  file(SIZE ${path} size)
  if(size EQUAL 0)
    message(FATAL_ERROR "${path} is empty")
  endif()
  bytes_of(${path} body)
  execute_process(COMMAND ${GZIP} -9nc ${path} OUTPUT_FILE ${OUT}.gz COMMAND_ERROR_IS_FATAL ANY)
  bytes_of(${OUT}.gz gzip)
  file(SHA256 ${path} sha)
  string(SUBSTRING ${sha} 0 20 tag)
  string(REGEX REPLACE ".*\\." "" kind ${file})

  string(APPEND bodies "static const unsigned char body_${number}[] = {\n${body}\n};\n")
  set(twin "NULL, 0")
  if(gzip_len LESS body_len)
    string(APPEND bodies "static const unsigned char gzip_${number}[] = {\n${gzip}\n};\n")
    set(twin "gzip_${number}, sizeof gzip_${number}")
  endif()
  string(APPEND rows "    {\"/${file}\", \"${mime_${kind}}\", \"\\\"${tag}\\\"\", body_${number}, "
                     "sizeof body_${number}, ${twin}},\n")
  math(EXPR number "${number} + 1")
endforeach()
file(REMOVE ${OUT}.gz)
file(WRITE ${OUT} "/* Made by web/embed.cmake. */\n${bodies}\nstatic const struct asset assets[] = {\n${rows}};\n")
