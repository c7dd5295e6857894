"""Sentences in the scripts of the world, written for these tests, and texts of any kind for property tests."""

from __future__ import annotations

from hypothesis import strategies as st

SENTENCES = {
    "English": "The old baker opens her shop at four, before the first bus; flour hangs in the lamp's light, and nobody asks. ",
    "German": "Die Müllerin öffnet früh ihre Windmühle, größtenteils aus Gewohnheit; die Donaudampfschifffahrt schläft noch. ",
    "French": "À l’aube, le forgeron rêve déjà : « Où va donc ce nuage ? » Personne ne répond, même pas l’âne. ",
    "Vietnamese": "Mỗi buổi sáng, bà cụ mở cửa tiệm bánh nhỏ ở góc phố, trước khi chuyến xe đầu tiên đi qua. ",
    "Greek": "Ο φάρος άναψε αργά το βράδυ, και τα πλοία γύρισαν ένα ένα στο λιμάνι. ",
    "Russian": "Старый пекарь открывает лавку в четыре утра, задолго до первого автобуса; мука висит в свете лампы. ",
    "Hebrew": "האופה הזקנה פותחת את החנות בארבע לפנות בוקר, הרבה לפני האוטובוס הראשון. ",
    "Arabic": "تفتح الخبّازة العجوز دكّانها في الرابعة فجراً، قبل أول حافلة بوقت طويل، ولا يسأل أحد لماذا. ",
    "Persian": "نانوای پیر هر روز ساعت چهار مغازه‌اش را باز می‌کند، خیلی پیش از نخستین اتوبوس. ",
    "Hindi": "बूढ़ी नानबाई सुबह चार बजे दुकान खोलती है, पहली बस से बहुत पहले। कोई नहीं पूछता कि क्यों। ",
    "Bengali": "বুড়ি রুটিওয়ালি ভোর চারটায় দোকান খোলে, প্রথম বাসের অনেক আগে। ",
    "Tamil": "வயதான ரொட்டிக்காரர் அதிகாலை நான்கு மணிக்குக் கடையைத் திறக்கிறார். ",
    "Thai": "คนทำขนมปังเฒ่าเปิดร้านตั้งแต่ตีสี่ก่อนรถเมล์คันแรกจะมาถึงและไม่มีใครถามว่าทำไม",
    "Lao": "ຄົນເຮັດເຂົ້າຈີ່ເປີດຮ້ານແຕ່ເຊົ້າກ່ອນລົດເມຄັນທຳອິດ",
    "Khmer": "អ្នកដុតនំចាស់បើកហាងនៅម៉ោងបួនព្រឹកមុនរថយន្តក្រុងដំបូង។",
    "Burmese": "မုန့်ဖုတ်သမားအိုကြီးသည်မနက်လေးနာရီတွင်ဆိုင်ဖွင့်သည်။",
    "Chinese": "老面包师凌晨四点就开了店门，那时头班公共汽车还远远没有来；面粉浮在灯光里，谁也不问为什么。",
    "Japanese": "年老いたパン職人は、始発のバスよりずっと早い朝四時に店を開け、「なぜ」と尋ねる人は誰もいません。",
    "Korean": "늙은 제빵사는 첫 버스가 오기 훨씬 전인 새벽 네 시에 가게 문을 연다. 아무도 이유를 묻지 않는다. ",
    "Georgian": "მოხუცი მცხობელი დილის ოთხ საათზე ხსნის მაღაზიას, პირველ ავტობუსამდე დიდი ხნით ადრე. ",
    "Amharic": "አሮጊቷ ዳቦ ጋጋሪ ከመጀመሪያው አውቶቡስ በፊት በሌሊት ሱቋን ትከፍታለች። ",
}

EMOJI = ("🔥", "👨‍👩‍👧‍👦", "👍🏽", "🇩🇪", "❤️", "1️⃣", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "☀", "🫠")
ODD = (
    "https://example.org/a/very/long/path?with=query&more=of-it#end", "-->", "{\\an8}", "<b>", "…", "——", "\u00a0", "\u3000",
    "\u200b", "\u200f", "\u202e", "\u2067", "\u00ad", "e\u0301\u0327\u0323", "ﷺ", "ᄀ" * 12, "A" * 60, "\ud83d", "\x00",
    "\x1b[31m", "\ufeff", "\u2028", "\U000e0001", "\ue000", "\U0010fffd", "\t", "\r\n",
)  # fmt: skip


def any_text(most: int) -> st.SearchStrategy[str]:
    """Texts of up to about `most` characters: prose of all scripts, emoji, and what should not be in a text at all."""
    prose = st.sampled_from(list(SENTENCES.values())).flatmap(
        lambda sentence: st.tuples(st.integers(0, len(sentence)), st.integers(1, 4)).map(lambda cut: (sentence * cut[1])[cut[0] :])
    )
    part = st.one_of(prose, st.sampled_from(EMOJI), st.sampled_from(ODD), st.text(max_size=20), st.just(" "))
    return st.lists(part, max_size=12).map(lambda parts: "".join(parts)[:most])
