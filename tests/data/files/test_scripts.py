"""Old encodings are found by the letters of many languages, and never a wrong one."""

import random
from pathlib import Path

import pytest

from pipeline.data.columns import strings
from pipeline.data.files.encodings import find_encoding
from pipeline.data.files.scripts import find_script
from tests.data.small_data import read_column

WORDS = {
    "Russian": "Москва Санкт-Петербург Новосибирск Казань Челябинск Самара Уфа Ростов хороший день "
    "большая вода город улица рабочий ответ жизнь ещё подъезд Екатеринбург",
    "Ukrainian": "Київ Харків Одеса Львів Дніпро Вінниця Чернігів Полтава гарний день річка їжа єдність "
    "місто вулиця Запоріжжя людина життя",
    "Bulgarian": "София Пловдив Варна Бургас Русе Плевен добър ден голяма вода град улица човек живот "
    "първият отговор Търново щастие",
    "Greek": "Αθήνα Θεσσαλονίκη Πάτρα Ηράκλειο Λάρισα Βόλος καλημέρα νερό πόλη δρόμος άνθρωπος ζωή "
    "εργασία μεγάλος απάντηση Έδεσσα χρώμα ψωμί",
    "Polish": "Łódź Kraków Wrocław Poznań Gdańsk Częstochowa Białystok dzień dobry człowiek życie "
    "odpowiedź święto ulica miasto żółty mąż gęś",
    "Czech": "Plzeň Olomouc Liberec České Budějovice Hradec Králové dobrý den člověk život odpověď "
    "město řeka příklad žlutý kůň ulice",
    "Hungarian": "Győr Nyíregyháza Kecskemét Székesfehérvár Érd jó napot víz élet város utca ember "
    "válasz erdő tűz kérdés hűvös őszi",
    "Turkish": "İstanbul İzmir Eskişehir Diyarbakır Şanlıurfa Muğla günaydın şehir cadde insan yaşam "
    "cevap çalışma değer büyük ığdır soğuk ağaç",
    "German": "Köln Düsseldorf München Nürnberg Straße Fluß grün schön Mädchen Bücher Tür Österreich "
    "Übung spät häufig größer",
    "French": "Orléans Nîmes Besançon Béziers élève rivière où ça été forêt théâtre naïve cœur déjà "
    "château père français âge",
    "Spanish": "Málaga Córdoba León Cádiz Mérida niño año corazón día música árbol según también más "
    "qué canción",
    "Portuguese": "São Paulo Brasília Goiânia coração não irmão água três português avó avô pão ação café",
    "Swedish": "Göteborg Malmö Västerås Örebro Linköping Umeå Gävle sjö älv å hår öl mjölk fågel gräs",
    "Danish": "København Århus Ålborg Næstved Køge Helsingør rød grøn blå æble øl år høj sø træ",
    "Italian": "Forlì Cantù città perché più caffè università lunedì così virtù metà già però è",
    "Japanese": "東京都 大阪府 京都 北海道 名古屋 こんにちは ありがとう データ カメラ 学校 電話 会社 "
    "水曜日 山田 太郎",
    "Chinese": "北京市 上海 广州 深圳 成都 重庆 中国 有限公司 学校 电话 数据 我们 时间 星期一 张伟 "
    "王芳 在 这 一 以",
    "Korean": "서울 부산 대구 인천 광주 안녕하세요 감사합니다 학교 회사 시간 데이터 김철수 이영희 사람",
}
OWN = {
    "cp1251": ["Russian", "Ukrainian", "Bulgarian"],
    "koi8-r": ["Russian"],
    "cp1253": ["Greek"],
    "cp1250": ["Polish", "Czech", "Hungarian"],
    "iso8859-2": ["Polish"],
    "cp1254": ["Turkish"],
    "cp1252": ["German", "French", "Spanish", "Portuguese", "Swedish", "Danish", "Italian"],
    "cp932": ["Japanese"],
    "gb18030": ["Chinese"],
    "euc_jp": ["Japanese"],
    "euc_kr": ["Korean"],
    "big5": ["Chinese"],
}
CASES = [(encoding, language) for encoding, languages in OWN.items() for language in languages]
UNKNOWN = ("euc_jp", "euc_kr", "big5")


def table(language: str, rows: int, seed: int) -> str:
    """A CSV file with random words of a language."""
    words, draw = WORDS[language].split(), random.Random(seed)
    lines = [f"{row},{draw.choice(words)} {draw.choice(words)},x" for row in range(rows)]
    return "\n".join(["id,name,ascii", *lines, ""])


@pytest.mark.parametrize(("encoding", "language"), CASES)
def test_the_encoding_of_a_table_is_found_or_left_open(encoding: str, language: str) -> None:
    found = 0
    for seed in range(10):
        text = table(language, 60, seed).encode(encoding, errors="ignore")
        name = find_encoding(text, whole=True)
        if name != "utf-8":
            found += 1
            assert text.decode(name) == text.decode(encoding)
    assert found == 0 if encoding in UNKNOWN else found >= 6


@pytest.mark.parametrize(("encoding", "language"), CASES)
def test_no_wrong_encoding_is_taken_for_short_files(encoding: str, language: str) -> None:
    for seed in range(60):
        text = table(language, 1 + seed // 3, seed).encode(encoding, errors="ignore")
        found = find_script(text, whole=True)
        assert found is None or text.decode(found) == text.decode(encoding)


@pytest.mark.parametrize("language", WORDS)
def test_damaged_utf8_is_no_other_encoding(language: str) -> None:
    text = table(language, 30, 0).encode()
    middle = len(text) // 2
    damaged = text[:middle] + b"\xe9\xff" + text[middle:]
    assert find_encoding(damaged, whole=True) == "utf-8"


def test_bytes_that_are_no_text_have_no_encoding() -> None:
    draw = random.Random(0)
    for length in (40, 400, 4000):
        assert find_script(b"a,b\n" + draw.randbytes(length), whole=True) is None


def test_what_was_found_is_said_with_a_word(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "s.csv").write_bytes(table("Russian", 20, 0).replace("name", "имя").encode("cp1251"))
    assert strings(read_column("s.csv", "s.имя", tmp_path))[0].split()[0] in WORDS["Russian"].split()
    assert caplog.messages == ["data.sources.s: s.csv is read with encoding: 'cp1251', as 'имя'"]


def test_polish_is_not_read_as_western(tmp_path: Path) -> None:
    assert find_encoding("a\nŁódź\n".encode("cp1250"), whole=True) == "utf-8"  # £ódŸ
    assert find_encoding("a\nKöln\n£5\nm²\n¿Qué?\n".encode("cp1252"), whole=True) == "cp1252"
