# cmake -DPAGE=... -DOUT=... -P embed_page.cmake: an HTML file as a C++ source, with the hashes of its only <script> and its only <style>.
cmake_minimum_required(VERSION 3.25)
file(READ ${PAGE} page)

# base64 of a SHA-256, which CMake only gives in hexadecimal.
function(hash_of text out)
  set(alphabet ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/)
  string(SHA256 hex "${text}")
  set(base64 "")
  foreach(at RANGE 0 60 6)  # ten times three bytes, and the last two
    string(SUBSTRING "${hex}0000" ${at} 6 group)
    math(EXPR bits "0x${group}")
    foreach(shift 18 12 6 0)
      math(EXPR index "(${bits} >> ${shift}) & 63")
      string(SUBSTRING ${alphabet} ${index} 1 letter)
      string(APPEND base64 ${letter})
    endforeach()
  endforeach()
  string(SUBSTRING ${base64} 0 43 base64)
  set(${out} "sha256-${base64}=" PARENT_SCOPE)
endfunction()

function(content_of tag out)
  string(FIND "${page}" "<${tag}>" begin)
  string(FIND "${page}" "</${tag}>" end)
  string(FIND "${page}" "<${tag}" first)
  string(FIND "${page}" "<${tag}" last REVERSE)
  string(LENGTH "<${tag}>" skip)
  if(begin EQUAL -1 OR end LESS begin OR NOT first EQUAL begin OR NOT last EQUAL begin)
    message(FATAL_ERROR "${PAGE} must have one <${tag}>, without attributes")
  endif()
  math(EXPR begin "${begin} + ${skip}")
  math(EXPR length "${end} - ${begin}")
  string(SUBSTRING "${page}" ${begin} ${length} content)
  set(${out} "${content}" PARENT_SCOPE)
endfunction()

content_of(script script)
content_of(style style)
hash_of("${script}" script_hash)
hash_of("${style}" style_hash)
set(policy "default-src 'none'; script-src '${script_hash}'; style-src '${style_hash}'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
file(WRITE ${OUT} "#include \"control/http/status_page_text.h\"

namespace holdfast::control {

const std::string_view kStatusPageText = R\"page(${page})page\";
const std::string_view kStatusPagePolicy = \"${policy}\";

}  // namespace holdfast::control
")
