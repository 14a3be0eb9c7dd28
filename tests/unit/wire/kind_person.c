/* Persons: identity, GB 11643, dates against one another. */
#include "payload_make.h"
#include "wire/person.h"
#include "wire/resident_id.h"
#include <criterion/criterion.h>
#include <string.h>

#define BASE(message) (&(message)->base)

static struct payload_notice made;
static Wire__ContactNotice *notice;
static Wire__Person *person; /* the third of the notice, with a resident id */

static void make(void)
{
    notice = payload_make_notice(&made);
    person = &made.person[2];
    person->has_id_type = 1;
    person->id_type = WIRE__PERSON__ID_TYPE__RESIDENT;
    person->id_no = (char *)payload_id_no;
}

TestSuite(kind_person, .init = make);

Test(kind_person, is_identified_by_id_or_name_and_phone_or_conveyance_and_seat)
{
    payload_passes(BASE(notice));
    person->name = person->phone = NULL;
    payload_passes(BASE(notice));
    person->id_no = NULL;
    cr_assert_not(wire_person_identified(person));
    const struct wire_problem *problem = payload_fails(BASE(notice), WIRE_INVALID, "person[3]", "人员[3]");
    cr_assert_not_null(strstr(problem->zh, "应查人数"));
    person->name = "测试某";
    payload_fails(BASE(notice), WIRE_INVALID, "person[3]", "人员[3]");
    person->phone = "13800005678";
    payload_passes(BASE(notice));
    person->name = person->phone = NULL;
    person->seat = "05车12A";
    payload_fails(BASE(notice), WIRE_INVALID, "person[3]", "人员[3]");
    person->conveyance = "G7305 2020-02-04";
    payload_passes(BASE(notice));
}

Test(kind_person, a_wrong_check_digit_is_overridden_with_a_reason)
{
    person->id_no = "990101199003071246";
    const struct wire_problem *problem =
        payload_fails(BASE(notice), WIRE_INVALID, "person[3].id_no", "人员[3].证件号码");
    cr_assert_not_null(strstr(problem->zh, "应为 5"), "%s", problem->zh);
    cr_assert_not_null(strstr(problem->zh, "9901************46"), "%s", problem->zh);
    cr_assert_null(strstr(problem->zh, person->id_no), "a problem must not repeat the number");
    cr_assert_not_null(strstr(problem->en, "id_check_override_reason"));
    person->id_check_override_reason = "";
    payload_fails(BASE(notice), WIRE_INVALID, "person[3].id_no", "人员[3].证件号码");
    person->id_check_override_reason = "公安机关核实，证件确为此号";
    payload_passes(BASE(notice));
}

Test(kind_person, a_reason_does_not_excuse_what_no_card_can_say)
{
    person->id_check_override_reason = "核实无误";
    const char *const impossible[] = {"99010119900230124X", "9901011990030712", "99010119900307124A",
                                      "X90101199003071245"};
    for (size_t i = 0; i < 4; i++) {
        person->id_no = (char *)impossible[i];
        payload_fails(BASE(notice), WIRE_INVALID, "person[3].id_no", "人员[3].证件号码");
    }
}

Test(kind_person, excel_keeps_fifteen_digits)
{
    person->id_no = "990101199003071000";
    const struct wire_problem *problem =
        payload_fails(BASE(notice), WIRE_INVALID, "person[3].id_no", "人员[3].证件号码");
    cr_assert_not_null(strstr(problem->zh, "Excel"));
    cr_assert_not_null(strstr(problem->en, "Excel"));
}

Test(kind_person, other_papers_are_taken_as_they_are)
{
    person->id_type = WIRE__PERSON__ID_TYPE__HK_MACAO_PERMIT;
    person->id_no = "H0123456700";
    payload_passes(BASE(notice));
    person->id_type = WIRE__PERSON__ID_TYPE__HMT_RESIDENCE;
    person->id_no = "990101199003071246"; /* fails GB 11643, is not asked */
    payload_passes(BASE(notice));
    person->has_id_type = 0;
    payload_fails(BASE(notice), WIRE_INVALID, "person[3].id_type", "人员[3].证件类型");
}

Test(kind_person, birth_and_sex_agree_with_the_number)
{
    person->has_birth_day = 1;
    person->birth_day = 19900308;
    payload_fails(BASE(notice), WIRE_INVALID, "person[3].birth_day", "人员[3].出生日期");
    person->birth_day = 19900307;
    person->has_sex = 1;
    person->sex = WIRE__PERSON__SEX__MALE;
    payload_fails(BASE(notice), WIRE_INVALID, "person[3].sex", "人员[3].性别");
    person->sex = WIRE__PERSON__SEX__UNSTATED;
    payload_passes(BASE(notice));
    person->sex = WIRE__PERSON__SEX__MALE;
    person->id_check_override_reason = "登记性别有误，已向户籍地核实";
    payload_passes(BASE(notice));
}

Test(kind_person, nobody_was_met_or_tested_before_birth)
{
    person->id_no = NULL;
    person->has_birth_day = 1;
    person->birth_day = 20200206;
    payload_fails(BASE(notice), WIRE_INVALID, "person[3].last_contact_day", "人员[3].末次接触");
    person->birth_day = 20200205;
    payload_passes(BASE(notice));
    person->has_last_test_day = 1;
    person->last_test_day = 20200204;
    payload_fails(BASE(notice), WIRE_INVALID, "person[3].last_test_day", "人员[3].末次检测日期");
    person->birth_day = 20200209;
    payload_fails(BASE(notice), WIRE_INVALID, "person[3].birth_day", "人员[3].出生日期");
}

Test(kind_person, an_id_of_somebody_not_yet_born)
{
    person->id_no = "99010120210307124";
    struct wire_resident_id id;
    char whole[19] = "99010120210307124?";
    wire_resident_id_read("990101202103071240", 18, &id);
    whole[17] = id.expected;
    person->id_no = whole;
    payload_fails(BASE(notice), WIRE_INVALID, "person[3].id_no", "人员[3].证件号码");
}

Test(kind_person, age_fits_birth)
{
    person->has_birth_day = person->has_age = 1;
    person->birth_day = 19900307;
    person->age = 59;
    payload_fails(BASE(notice), WIRE_INVALID, "person[3].age", "人员[3].年龄");
    person->age = 29;
    payload_passes(BASE(notice));
    person->age = 30; /* by the calendar year */
    payload_passes(BASE(notice));
}

Test(kind_person, telephones_have_enough_digits)
{
    const char *const good[] = {"13800005678", "0573-84120000", "+853 6212 3456", "021-62120000转8012"};
    const char *const bad[] = {"1380000567", "138000056789", "1234", "暂无"};
    for (size_t i = 0; i < 4; i++) {
        person->phone = (char *)good[i];
        payload_passes(BASE(notice));
    }
    for (size_t i = 0; i < 4; i++) {
        person->phone = (char *)bad[i];
        payload_fails(BASE(notice), WIRE_INVALID, "person[3].phone", "人员[3].电话");
    }
}

Test(resident_id, the_examples_of_the_standard)
{
    struct wire_resident_id id;
    cr_assert_eq(wire_resident_id_read("11010519491231002X", 18, &id), WIRE_RESIDENT_ID_GOOD);
    cr_assert_eq(id.area, 110105);
    cr_assert_eq(id.birth_day, 19491231);
    cr_assert(id.female);
    cr_assert_eq(wire_resident_id_read("440524188001010014", 18, &id), WIRE_RESIDENT_ID_GOOD);
    cr_assert_not(id.female);
    cr_assert_eq(wire_resident_id_read("11010519491231002x", 18, &id), WIRE_RESIDENT_ID_GOOD);
}

Test(resident_id, every_single_wrong_digit_is_found)
{
    struct wire_resident_id id;
    for (size_t at = 0; at < 17; at++)
        for (char digit = '0'; digit <= '9'; digit++) {
            char text[] = "990101199003071245";
            bool same = text[at] == digit;
            text[at] = digit;
            enum wire_resident_id_fault fault = wire_resident_id_read(text, 18, &id);
            cr_assert(same ? fault == WIRE_RESIDENT_ID_GOOD
                           : fault == WIRE_RESIDENT_ID_CHECK_DIGIT || fault == WIRE_RESIDENT_ID_BIRTH,
                      "%s", text);
        }
}

Test(resident_id, faults_are_told_apart)
{
    struct wire_resident_id id;
    cr_assert_eq(wire_resident_id_read("990101900307124", 15, &id), WIRE_RESIDENT_ID_LENGTH);
    cr_assert_eq(wire_resident_id_read("", 0, &id), WIRE_RESIDENT_ID_LENGTH);
    cr_assert_eq(wire_resident_id_read("99010119900307124Y", 18, &id), WIRE_RESIDENT_ID_CHARACTER);
    cr_assert_eq(wire_resident_id_read("9901011990030712X5", 18, &id), WIRE_RESIDENT_ID_CHARACTER);
    cr_assert_eq(wire_resident_id_read("990101199013071245", 18, &id), WIRE_RESIDENT_ID_BIRTH);
    cr_assert_eq(wire_resident_id_read("990101199003071240", 18, &id), WIRE_RESIDENT_ID_CHECK_DIGIT);
    cr_assert_eq(id.expected, '5');
}
