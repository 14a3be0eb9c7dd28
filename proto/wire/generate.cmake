# Tables of this room that are written at build time by small host programs: regions from region.csv, status names from
# the list in status.h.
set(WIRE_GENERATED ${CMAKE_BINARY_DIR}/generated/wire)
file(MAKE_DIRECTORY ${WIRE_GENERATED})

add_executable(generate-regions ${CMAKE_SOURCE_DIR}/proto/wire/generator/region_table.c)
add_custom_command(
  OUTPUT ${WIRE_GENERATED}/region_table.c
  COMMAND generate-regions ${CMAKE_SOURCE_DIR}/proto/wire/region.csv ${WIRE_GENERATED}/region_table.c
  DEPENDS generate-regions ${CMAKE_SOURCE_DIR}/proto/wire/region.csv
  VERBATIM)

add_executable(generate-status-names ${CMAKE_SOURCE_DIR}/proto/wire/generator/status_names.c)
target_include_directories(generate-status-names PRIVATE ${CMAKE_BINARY_DIR}/rooms/wire)
add_custom_command(
  OUTPUT ${WIRE_GENERATED}/status_names.c
  COMMAND generate-status-names ${WIRE_GENERATED}/status_names.c
  DEPENDS generate-status-names ${CMAKE_SOURCE_DIR}/proto/wire/status.h
  VERBATIM)

target_sources(wire PRIVATE ${WIRE_GENERATED}/region_table.c ${WIRE_GENERATED}/status_names.c)
