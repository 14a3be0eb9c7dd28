/* The tables beside the schema: every field and value described, in both languages, and found again by what it is
 * called. */
#include "payload_make.h"
#include "schema/envelope.pb-c.h"
#include "wire/label.h"
#include "wire/path.h"
#include <criterion/criterion.h>
#include <string.h>

static void check_enum_words(const ProtobufCEnumDescriptor *type)
{
    const struct wire_enum_words *words = wire_enum_words(type);
    cr_assert_not_null(words, "%s has no words", type->name);
    cr_assert_eq(words->count, type->n_values, "%s", type->name);
    for (unsigned i = 0; i < type->n_values; i++) {
        int value = type->values[i].value, found = -1;
        struct wire_label label = wire_enum_label(type, value);
        char name[WIRE_ENUM_NAME];
        cr_assert_str_not_empty(label.zh);
        cr_assert_str_not_empty(label.en);
        cr_assert((unsigned char)label.zh[0] >= 0x80, "%s is not Chinese", label.zh);
        wire_enum_name(type, value, name);
        cr_assert(wire_enum_parse(type, name, strlen(name), &found) && found == value, "%s.%s", type->name, name);
        cr_assert(wire_enum_parse(type, label.zh, strlen(label.zh), &found) && found == value, "%s", label.zh);
        cr_assert(wire_enum_parse(type, label.en, strlen(label.en), &found) && found == value, "%s", label.en);
    }
}

static void check_message_words(const ProtobufCMessageDescriptor *type)
{
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        const struct wire_field *row = wire_field(type, field);
        cr_assert_not_null(row, "%s.%s has no row", type->name, field->name);
        cr_assert_str_eq(row->name, field->name, "rows of %s are out of order", type->name);
        cr_assert_eq(wire_field_of(field), row);
        struct wire_label label = wire_label(type, field);
        cr_assert((unsigned char)label.zh[0] >= 0x80, "%s.%s: %s is not Chinese", type->name, field->name, label.zh);
        cr_assert_str_not_empty(label.en);
        cr_assert_eq(wire_field_by_label(type, field->name, strlen(field->name)), field);
        cr_assert_eq(wire_field_by_label(type, label.zh, strlen(label.zh)), field, "%s.%s", type->name, label.zh);
        cr_assert_eq(wire_field_by_label(type, label.en, strlen(label.en)), field, "%s.%s", type->name, label.en);
        if (field->type == PROTOBUF_C_TYPE_MESSAGE)
            check_message_words(field->descriptor);
        if (field->type == PROTOBUF_C_TYPE_ENUM)
            check_enum_words(field->descriptor);
    }
}

Test(kind_words, every_field_and_value_has_both_names_and_is_found_by_them)
{
    for (size_t i = 0; i < wire_kind_count(); i++)
        check_message_words(wire_kind_at(i)->payload);
}

Test(kind_words, no_payload_has_more_rows_than_fields)
{
    /* A row left over would shift none, but would promise a field that does not travel. */
    for (size_t i = 0; i < wire_kind_count(); i++) {
        const ProtobufCMessageDescriptor *type = wire_kind_at(i)->payload;
        const struct wire_field *last = wire_field(type, &type->fields[type->n_fields - 1]);
        cr_assert_str_eq(last->name, type->fields[type->n_fields - 1].name);
    }
}

Test(kind_words, headings_in_use_are_understood)
{
    const struct {
        const ProtobufCMessageDescriptor *type;
        const char *heading, *field;
    } headings[] = {
        {&wire__contact_notice__descriptor, "病例编号", "case_no"},
        {&wire__contact_notice__descriptor, "发病日期", "onset_day"},
        {&wire__contact_notice__descriptor, "Case number", "case_no"},
        {&wire__conveyance__descriptor, "行程日期", "travel_day"},
        {&wire__conveyance__descriptor, "交通方式", "mode"},
        {&wire__conveyance__descriptor, "出发地", "from_region"},
        {&wire__conveyance__descriptor, "到达地", "to_region"},
        {&wire__conveyance__descriptor, "密接人数", "contacts"},
        {&wire__person__descriptor, "身份证号", "id_no"},
        {&wire__person__descriptor, "手机", "phone"},
        {&wire__supply_line__descriptor, "specification", "specification"},
        {&wire__common__descriptor, "值班电话", "contact"},
    };
    for (size_t i = 0; i < sizeof headings / sizeof *headings; i++) {
        const ProtobufCFieldDescriptor *found =
            wire_field_by_label(headings[i].type, headings[i].heading, strlen(headings[i].heading));
        cr_assert_not_null(found, "%s", headings[i].heading);
        cr_assert_str_eq(found->name, headings[i].field);
    }
    cr_assert_null(wire_field_by_label(&wire__person__descriptor, "工资", strlen("工资")));
    cr_assert_null(wire_field_by_label(&wire__person__descriptor, "", 0));
}

Test(kind_words, conveyances_as_offices_write_them)
{
    const struct {
        const char *word;
        int mode;
    } words[] = {
        {"航班", WIRE__CONVEYANCE__MODE__AIRCRAFT},
        {"航空", WIRE__CONVEYANCE__MODE__AIRCRAFT},
        {"飞机", WIRE__CONVEYANCE__MODE__AIRCRAFT},
        {"私家车", WIRE__CONVEYANCE__MODE__PRIVATE_CAR},
        {"驾车", WIRE__CONVEYANCE__MODE__PRIVATE_CAR},
        {"渡轮", WIRE__CONVEYANCE__MODE__FERRY},
        {"自行租车", WIRE__CONVEYANCE__MODE__HIRE_CAR},
        {"客车", WIRE__CONVEYANCE__MODE__COACH},
        {"乘车", WIRE__CONVEYANCE__MODE__OTHER},
        {"未知", WIRE__CONVEYANCE__MODE__UNKNOWN},
        {"high-speed-train", WIRE__CONVEYANCE__MODE__HIGH_SPEED_TRAIN},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        int mode = -1;
        cr_assert(wire_enum_parse(&wire__conveyance__mode__descriptor, words[i].word, strlen(words[i].word), &mode));
        cr_assert_eq(mode, words[i].mode, "%s", words[i].word);
    }
    int mode = -1;
    cr_assert_not(wire_enum_parse(&wire__conveyance__mode__descriptor, "马车", strlen("马车"), &mode));
}

Test(kind_words, messages_without_a_table_are_called_by_their_schema_names)
{
    const ProtobufCFieldDescriptor *field = &wire__header__descriptor.fields[0];
    cr_assert_null(wire_field(&wire__header__descriptor, field));
    cr_assert_null(wire_field_of(field));
    cr_assert_str_eq(wire_label(&wire__header__descriptor, field).zh, "version");
    cr_assert_str_eq(wire_enum_label(&wire__lane__descriptor, WIRE__LANE__FLASH).en, "FLASH");
    cr_assert_str_eq(wire_enum_label(&wire__lane__descriptor, 77).en, "?");
    char name[WIRE_ENUM_NAME];
    cr_assert_str_eq(wire_enum_name(&wire__lane__descriptor, 77, name), "77");
}

Test(kind_words, paths_stand_in_both_languages_and_are_cut_whole)
{
    struct wire_path path = {0};
    const ProtobufCMessageDescriptor *notice = &wire__contact_notice__descriptor;
    const ProtobufCFieldDescriptor *person = protobuf_c_message_descriptor_get_field_by_name(notice, "person");
    const ProtobufCFieldDescriptor *id_no =
        protobuf_c_message_descriptor_get_field_by_name(&wire__person__descriptor, "id_no");
    struct wire_path_mark outer = wire_path_enter(&path, notice, person, 3);
    struct wire_path_mark inner = wire_path_enter(&path, &wire__person__descriptor, id_no, 0);
    cr_assert_str_eq(path.en, "person[3].id_no");
    cr_assert_str_eq(path.zh, "人员[3].证件号码");
    wire_path_leave(&path, inner);
    cr_assert_str_eq(path.zh, "人员[3]");
    wire_path_leave(&path, outer);
    cr_assert_str_empty(path.en);
    for (int i = 0; i < 100; i++)
        wire_path_enter(&path, notice, person, 12345);
    cr_assert_lt(path.zh_size, sizeof path.zh);
    cr_assert_eq(strlen(path.zh), path.zh_size);
    cr_assert_eq(strlen(path.en), path.en_size);
}

Test(kind_table, numbers_and_names_are_unique_and_found)
{
    for (size_t i = 0; i < wire_kind_count(); i++) {
        const struct wire_kind *kind = wire_kind_at(i);
        cr_assert_eq(wire_kind_find(kind->number), kind);
        cr_assert_eq(wire_kind_by_name(kind->name), kind);
        cr_assert_eq(wire_kind_by_name(kind->zh), kind);
        cr_assert_eq(wire_kind_by_name(kind->en), kind);
        cr_assert(kind->urgency != NULL && kind->check != NULL && kind->subjects != NULL && kind->exposure_day != NULL);
        cr_assert_eq(kind->brokers, kind->number >= 100 && kind->number < 200, "%s", kind->name);
        cr_assert_not(kind->brokers && kind->persons);
    }
    cr_assert_null(wire_kind_at(wire_kind_count()));
    cr_assert_null(wire_kind_find(WIRE_KIND_NONE));
    cr_assert_null(wire_kind_find(99999));
    cr_assert_null(wire_kind_by_name("gossip"));
}

Test(kind_table, persons_and_replies_are_those_of_the_design)
{
    cr_assert(wire_kind_by_name("contact-notice")->persons);
    cr_assert(wire_kind_by_name("outcome")->persons);
    cr_assert(wire_kind_by_name("outcome")->reply);
    cr_assert(wire_kind_by_name("acknowledgement")->reply);
    cr_assert_not(wire_kind_by_name("acknowledgement")->persons);
    cr_assert_not(wire_kind_by_name("measure-bulletin")->persons);
    cr_assert_not(wire_kind_by_name("supply-request")->persons);
    cr_assert_not(wire_kind_by_name("measure-bulletin")->reply);
}
